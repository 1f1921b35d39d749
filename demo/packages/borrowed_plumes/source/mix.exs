defmodule BorrowedPlumes.MixProject do
  use Mix.Project

  def project do
    [app: :borrowed_plumes, version: "1.0.0", package: [licenses: ["MIT"], links: %{}]]
  end
end
