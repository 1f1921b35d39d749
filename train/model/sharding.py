"""A frozen base divided among processes, under adapters that each of them holds whole."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

    from train.model.next_token import NextToken


def shard(model: "NextToken", device: "torch.device", processes: int) -> None:
    """Leave this process its share of every layer's frozen weights; a pass gathers them in turn.

    FSDP2 (`torch.distributed.fsdp.fully_shard`), a unit a layer. What trains is small and stays
    whole, so that optimizer, penalty and checkpoints are those of one process; so do embeddings
    and head, which small models tie. All processes have to pass through the model together.
    """
    from torch.distributed.device_mesh import init_device_mesh
    from torch.distributed.fsdp import fully_shard

    mesh = init_device_mesh(device.type, (processes,))
    decoder = model.decoder
    whole = set(model.trained().values())
    for layer in decoder.layers:
        fully_shard(layer, mesh=mesh, ignored_params=whole)
    in_layers = {weight for layer in decoder.layers for weight in layer.parameters()}
    fully_shard(decoder, mesh=mesh, ignored_params=whole | (set(decoder.parameters()) - in_layers))
