"""One upload, and the whole class has it: who asks whom for which piece, and who is served when.

`fetch.Swarm` is one stream on its way to this node, `serve.Server` is what this node gives to
others. Both are pure: time is an argument, effects are returned by `take`.
"""
