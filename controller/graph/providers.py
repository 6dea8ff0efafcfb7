"""Which configuration of which provider does a node use? Nodes whose references are the same share a block."""

from __future__ import annotations

from collections.abc import Mapping

from controller.graph.allowed import strings
from controller.graph.draft import Draft
from controller.graph.report import Report
from controller.graph.resolve import References, Resolver
from controller.model.catalog import Catalog, Provider
from controller.model.graph import ProviderBlock, ProviderKey


class Providers:
    """Collects the blocks of all nodes."""

    def __init__(self, catalog: Catalog, resolver: Resolver, report: Report) -> None:
        self.blocks: dict[ProviderKey, ProviderBlock] = {}
        self._catalog = catalog
        self._resolver = resolver
        self._report = report
        self._alike: dict[tuple[str, str], ProviderKey] = {}  # those whose configuration is the same for all nodes

    def of(self, draft: Draft) -> Mapping[str, ProviderKey]:
        """The providers of a node by their local name in the module."""
        if draft.module is None:
            return {}
        keys = {}
        for local, name in sorted(draft.module.provider_mapping.items()):
            if name in self._catalog.providers:
                keys[local] = self._alike.get(name) or self._key(draft, self._catalog.providers[name])
            else:
                what = f"module `{draft.module.id}` uses provider `{name[0]}.{name[1]}`, which does not exist"
                self._report.of_node(draft, draft.module.place, what, "declare it below `providers/`")
        return keys

    def _key(self, draft: Draft, provider: Provider) -> ProviderKey:
        references: References = {}
        entries = {} if provider.configuration is None else provider.configuration.entries
        configuration = self._resolver.entries(entries, draft, draft, references)
        # In order of the text, not of what it names: the same two nodes in other roles are another configuration.
        written = tuple(sorted(references))
        key = ProviderKey(provider.type, provider.id, tuple(references[text] for text in written), written)
        self.blocks[key] = ProviderBlock(provider.source, provider.version_constraint, configuration)
        if provider.configuration is None or not any(
            "${resources." in str(s.value) for s in strings(provider.configuration)
        ):
            self._alike[(provider.type, provider.id)] = key
        return key
