"""The wire format of the Hex registry; `hex_registry_pb2` is generated from the .proto."""
