"""Keep environments in step with Git. The stages of a commit's way, in order:

git         fetch the commit and read its files through the object database
manifest    find projects and environments, read their files, merge them, convert Score
catalog     read resource types, modules, providers, runners and their rules
graph       expand the manifest into a graph of resources, resolve placeholders
tofu        write the graph as an OpenTofu configuration; read plans and diagnostics
reconcile   compare what Git wants with what was applied and decided
deployments queue, guard and carry through what was decided
runner      run the engine: init, plan, show, apply that plan, outputs
history     record all of it, for ever

`pipeline` is the pure part of the way, top to bottom: read it first. What environments have in common is read by
`repository`, what each says of itself by `configs`; which of them come before which says `promotion`, what one has its
base from offline, `bases`; what two wishes want otherwise, `comparison`.
`wiring` builds everything that touches the world; `loop` makes it turn, a `carrier` takes each deployment along.
"""

__version__ = "0.1.0"
