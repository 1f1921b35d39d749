import Config

if config_env() == :prod do
  config :station,
    device:
      System.get_env("STATION_DEVICE") || raise("STATION_DEVICE is not set, e.g. /dev/ttyUSB0")
end
