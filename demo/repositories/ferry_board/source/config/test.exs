import Config

config :ferry_board, piers: [:north_quay], refresh: :infinity
