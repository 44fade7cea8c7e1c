"""The registrar: who leads among the willing (`election`), who has which name (`claims`,
`registry`), and who may have an account's key (`accounts`, `holding`)."""
