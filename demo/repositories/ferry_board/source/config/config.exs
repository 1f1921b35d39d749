import Config

config :ferry_board,
  piers: [:north_quay, :lighthouse, :old_town],
  refresh: :timer.seconds(30)

import_config "#{config_env()}.exs"
