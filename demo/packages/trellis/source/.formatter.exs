[
  inputs: ["{lib,test,example}/**/*.{ex,exs}", "mix.exs"],
  locals_without_parens: [get: 3, post: 3, delete: 3, scope: 2, pipe: 1, plug: 1, plug: 2],
  export: [locals_without_parens: [get: 3, post: 3, delete: 3, scope: 2, plug: 1, plug: 2]]
]
