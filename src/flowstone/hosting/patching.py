"""Patching a module when it is imported, or at once if it is already."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.util import find_spec
from types import ModuleType

from flowstone.runtime.stats import count

Patch = Callable[[ModuleType], object]


def after_import(module_name: str, patch: Patch) -> None:
    """Call *patch* with the module once it is imported; what it raises is counted, not passed on."""
    module = sys.modules.get(module_name)
    if module is not None and not getattr(getattr(module, "__spec__", None), "_initializing", False):
        _apply(patch, module)
        return
    finder = next((one for one in sys.meta_path if isinstance(one, _PatchingFinder)), None)
    if finder is None:
        finder = _PatchingFinder()
        sys.meta_path.insert(0, finder)
    finder.patches.setdefault(module_name, []).append(patch)


def _apply(patch: Patch, module: ModuleType) -> None:
    try:
        patch(module)
    except Exception:  # the host's import must succeed whatever our patch does
        count(f"patch.failed.{module.__name__}")


class _PatchingFinder(MetaPathFinder):
    """Finds the real spec of the modules that are waited for, and wraps its loader."""

    def __init__(self) -> None:
        self.patches: dict[str, list[Patch]] = {}
        self._finding: set[str] = set()

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname not in self.patches or fullname in self._finding:
            return None
        self._finding.add(fullname)  # find_spec comes back to us
        try:
            spec = find_spec(fullname)
        finally:
            self._finding.discard(fullname)
        if spec is None or spec.loader is None:
            return None
        spec.loader = _PatchingLoader(spec.loader, self.patches)
        return spec


class _PatchingLoader(Loader):
    """Executes a module by its own loader, then patches it."""

    def __init__(self, loader: Loader, patches: dict[str, list[Patch]]) -> None:
        self._loader = loader
        self._patches = patches

    def __getattr__(self, name: str) -> object:
        return getattr(self._loader, name)  # importlib.resources and others ask for more

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        return self._loader.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        if module.__spec__ is not None:
            module.__spec__.loader = self._loader
        module.__loader__ = self._loader
        self._loader.exec_module(module)
        for patch in self._patches.pop(module.__name__, ()):  # only now: a spec may be looked up and not used
            _apply(patch, module)
