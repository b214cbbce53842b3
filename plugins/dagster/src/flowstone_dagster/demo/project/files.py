"""An io manager that keeps each asset, or each partition of it, in a CSV file."""

import dagster as dg
import pandas as pd  # type: ignore[import-untyped]
from upath import UPath


class CsvFiles(dg.UPathIOManager):
    """Writes data frames to CSV files below one folder, and reads them back."""

    extension: str | None = ".csv"

    def dump_to_path(self, context: dg.OutputContext, obj: pd.DataFrame, path: UPath) -> None:
        """Write a data frame."""
        obj.to_csv(str(path), index=False)
        context.add_output_metadata({"dagster/row_count": len(obj)})

    def load_from_path(self, context: dg.InputContext, path: UPath) -> pd.DataFrame:
        """Read a data frame."""
        return pd.read_csv(str(path))


class CsvFolder(dg.ConfigurableIOManagerFactory[CsvFiles]):
    """Configures where the files are.

    Attributes:
        folder: The folder.
    """

    folder: str

    def create_io_manager(self, context: dg.InitResourceContext) -> CsvFiles:
        """Make the io manager."""
        return CsvFiles(base_path=UPath(self.folder))
