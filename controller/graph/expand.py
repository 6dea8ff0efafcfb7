"""What is the resource graph of an environment? A manifest goes through every step of this room, in order."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from itertools import islice

from controller.errors import MOST, ManifestError, Problem, near
from controller.graph import allowed, check
from controller.graph.allowed import Scope, Spot
from controller.graph.cycles import report_cycles
from controller.graph.draft import Draft
from controller.graph.growth import Grown, ModuleFor, grow
from controller.graph.params import check_params
from controller.graph.providers import Providers
from controller.graph.report import Report
from controller.graph.resolve import Resolver
from controller.model.bundle import Context
from controller.model.catalog import Catalog, Module
from controller.model.graph import Graph, GraphNode, Value
from controller.model.manifest import Manifest, Workload


def expand(
    manifest: Manifest,
    catalog: Catalog,
    context: Context,
    module_for: ModuleFor,
    broken: Collection[str] = frozenset(),
    *,
    is_whole: bool = True,
) -> Graph:
    """The graph, or a ManifestError with every problem.

    `broken`: resource types that somebody already complained about; nodes of such a type are not looked into. Of a
    manifest that is not whole only that is said which nothing that it lacks can put right.
    """
    report = Report()
    grown = grow(manifest, catalog, context, module_for, report, broken)
    if grown.is_cut:
        raise ManifestError(report.problems())
    of_workloads = list(texts(manifest, catalog, is_whole=is_whole))
    of_modules = list(islice(_module_problems(manifest, catalog, grown), MOST))
    told = [*of_workloads, *of_modules]
    report.add(told)
    for draft in grown.drafts.values():
        if draft.module is not None:
            check_params(draft, draft.module, report, is_whole=is_whole)
    if MOST in (len(of_workloads), len(of_modules)):  # there may be more, of texts that nobody can resolve
        raise ManifestError(report.problems())
    resolver = Resolver(grown, context, report, {problem.where for problem in told})
    try:
        graph = _resolved(grown, catalog, resolver, report)
    except ManifestError as error:  # there is too much of it
        raise ManifestError([*report.problems(), *error.problems]) from error
    report_cycles(grown.drafts, report)
    problems = report.problems()
    if problems:
        raise ManifestError(problems)
    return graph


def types_asked(
    manifest: Manifest,
    catalog: Catalog,
    context: Context,
    module_for: ModuleFor,
    broken: Collection[str] = frozenset(),
) -> frozenset[str]:
    """The resource types that the graph asks for, as far as it can be known; never raises."""
    grown = grow(manifest, catalog, context, module_for, Report(), broken)
    return frozenset(coordinate.type for coordinate in grown.drafts)


def texts(manifest: Manifest, catalog: Catalog, *, is_whole: bool = True) -> Iterator[Problem]:
    """What is wrong with the placeholders of workloads, whichever modules the rules may choose; not too much of it."""
    return islice(_texts(manifest, catalog, is_whole=is_whole), MOST)


def _texts(manifest: Manifest, catalog: Catalog, *, is_whole: bool) -> Iterator[Problem]:
    shared = {alias: resource.type for alias, resource in manifest.shared.items()}
    for name, workload in manifest.workloads.items():
        meant = _meant(name, workload, manifest)
        if meant is not None and is_whole:
            what = f"workload `{name}` has no resources, though its outputs name some"
            yield Problem(workload.place, what, f"did you mean `{meant}`?")
        else:
            yield from _workload_problems(name, workload, shared, catalog, is_whole)


def _meant(name: str, workload: Workload, manifest: Manifest) -> str | None:
    """The name that a workload was probably meant to have: that of one with resources that its outputs name."""
    if workload.resources:
        return None
    named = {alias for output in workload.outputs.values() for alias in allowed.aliases(output)}
    having = (other for other, found in manifest.workloads.items() if named & found.resources.keys())
    return near(name, having)


def _workload_problems(
    name: str, workload: Workload, shared: dict[str, str], catalog: Catalog, is_whole: bool
) -> Iterator[Problem]:
    whose = f"workload `{name}`"
    aliases = {alias: resource.type for alias, resource in workload.resources.items()}
    outputs = Scope(Spot.OUTPUTS, whose, "resource", aliases, shared, is_whole=is_whole)
    for output in workload.outputs.values():
        yield from allowed.problems(output, outputs, catalog.resource_types)
    params = replace(outputs, spot=Spot.RESOURCE, self_outputs=frozenset(workload.outputs))
    for resource in workload.resources.values():
        if resource.params is not None:
            yield from allowed.problems(resource.params, params, catalog.resource_types)


def _module_problems(manifest: Manifest, catalog: Catalog, grown: Grown) -> Iterator[Problem]:
    """What is wrong with the texts that name dependencies of modules: of shared resources, and of modules in use."""
    for alias, resource in manifest.shared.items():
        module = grown.drafts[grown.shared[alias]].module if grown.shared[alias] in grown.drafts else None
        if resource.params is not None and module is not None:
            whose = f"module `{module.id}` of shared resource `{alias}`"
            aliases = {name: requirement.type for name, requirement in module.dependencies.items()}
            scope = Scope(Spot.SHARED, whose, "dependency", aliases)
            yield from allowed.problems(resource.params, scope, catalog.resource_types)
    used = {draft.module.id: draft.module for draft in grown.drafts.values() if draft.module is not None}
    for module in used.values():
        yield from check.module_problems(module, catalog)


def _resolved(grown: Grown, catalog: Catalog, resolver: Resolver, report: Report) -> Graph:
    providers = Providers(catalog, resolver, report)
    nodes = {coordinate: _node(draft, resolver, providers) for coordinate, draft in grown.drafts.items()}
    return Graph(nodes, {key: providers.blocks[key] for key in sorted(providers.blocks)})


def _node(draft: Draft, resolver: Resolver, providers: Providers) -> GraphNode:
    outputs = resolver.outputs(draft)
    params = resolver.params(draft)
    inputs = resolver.inputs(draft)
    keys = providers.of(draft)
    module = draft.module
    return GraphNode(
        coordinate=draft.coordinate,
        module=None if module is None else module.id,
        source=None if module is None else module.source,
        inputs=inputs,
        params=params if module is None else _by_variable(params, module),
        outputs=outputs,
        edges=dict(sorted(draft.edges.items())),
        anonymous=tuple(sorted({*draft.anonymous, *draft.waits} - set(draft.edges.values()))),
        providers=keys,
        place=draft.place,
        origin=draft.origin,
        ordering="references" if module is None else module.ordering,
    )


def _by_variable(params: Mapping[str, Value], module: Module) -> Mapping[str, Value]:
    """The params by the names that the module's code has for them."""
    names = {name: param.variable for name, param in module.params.items() if param.variable is not None}
    return {names.get(name, name): value for name, value in params.items()} if names else params
