import Config

config :ferry_board, refresh: :timer.seconds(2)
