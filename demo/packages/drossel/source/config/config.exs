import Config

# Limits that exist from the start; more are added with `Drossel.define/2`.
config :drossel,
  limits: [
    login: [capacity: 5, refill: 1, every: 12_000],
    search: [capacity: 30, refill: 10, every: 1_000]
  ],
  sweep_every: 60_000

if config_env() == :test do
  config :drossel, limits: [], sweep_every: :infinity
end
