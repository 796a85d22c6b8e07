"""What the demo network is told by its environment."""

import os
from dataclasses import dataclass
from pathlib import Path

from saiweb.demo.workflows import Version


@dataclass(frozen=True, slots=True)
class Settings:
    dsn: str
    n8n_folder: Path | None
    """n8n's `.n8n` folder; without it all pictures stay in the execution data."""
    seed: int = 2026
    interval_s: float = 20.0
    version: Version = 1
    keep_hours: float = 10.0
    history_hours: float = 3.0
    history_count: int = 100

    @classmethod
    def from_env(cls) -> "Settings":
        """Read the DEMO_ variables. Raises ValueError with a sentence for a wrong or missing one."""
        dsn = os.environ.get("DEMO_N8N_DSN")
        if not dsn:
            raise ValueError("DEMO_N8N_DSN must say how to reach the simulated n8n's database.")
        folder = os.environ.get("DEMO_STORAGE_PATH")
        interval_s = _number("DEMO_INTERVAL_S", 20.0)
        if interval_s < 1:
            raise ValueError("DEMO_INTERVAL_S must be at least 1 second.")
        version = _number("DEMO_N8N_VERSION", 1)
        if version not in (1, 2):
            raise ValueError("DEMO_N8N_VERSION must be 1 or 2.")
        return cls(
            dsn=dsn,
            n8n_folder=Path(folder) if folder else None,
            seed=round(_number("DEMO_SEED", 2026)),
            interval_s=interval_s,
            version=2 if version == 2 else 1,
            keep_hours=_number("DEMO_KEEP_HOURS", 10.0),
            history_hours=_number("DEMO_HISTORY_HOURS", 3.0),
            history_count=round(_number("DEMO_HISTORY_COUNT", 100)),
        )


def _number(name: str, default: float) -> float:
    text = os.environ.get(name, "")
    try:
        return float(text) if text else default
    except ValueError:
        raise ValueError(f"{name} must be a number, not {text!r}.") from None
