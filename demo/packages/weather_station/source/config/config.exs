import Config

config :station, sensors: [roof: 5_000, cellar: 60_000]
config :forecast, window: 48, horizon: 6

import_config "#{config_env()}.exs"
