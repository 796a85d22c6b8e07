"""What a camera posts: picture, metadata and, known only to the simulation, where smoke and flame truly are."""

import io
import json
import random
from dataclasses import dataclass, field
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from PIL import Image

from saiweb.demo.cameras import LA_FALDA, Camera

LOCAL_ZONE = ZoneInfo("America/Argentina/Cordoba")


@dataclass(frozen=True, slots=True)
class Box:
    """Corners in pixels of the picture, as the inference service answers them."""

    x1: float
    y1: float
    x2: float
    y2: float

    @property
    def area(self) -> float:
        return max(0.0, self.x2 - self.x1) * max(0.0, self.y2 - self.y1)


@dataclass(frozen=True, slots=True)
class Frame:
    camera: Camera
    taken_at: datetime
    image: bytes
    width: int
    height: int
    smoke: Box | None = None
    flame: Box | None = None
    brightness: float = 100.0
    mime_type: str = "image/jpeg"
    core_metadata_only: bool = False
    extra_metadata: dict[str, object] = field(default_factory=dict[str, object])

    @property
    def stamp(self) -> str:
        """The camera's clock as sai-cam writes it: local, without zone."""
        return self.taken_at.astimezone(LOCAL_ZONE).strftime("%Y-%m-%d_%H-%M-%S")

    @property
    def file_name(self) -> str:
        return f"{self.camera.camera_id}_{self.stamp}.jpg"

    def metadata(self) -> dict[str, object]:
        """The `metadata` part that sai-cam posts beside the picture."""
        camera = self.camera
        core: dict[str, object] = {
            "timestamp": self.stamp,
            "device_id": camera.device_id,
            "camera_id": camera.camera_id,
            "location": camera.location,
            "version": "0.2.36",
            "camera_type": camera.camera_type,
        }
        if self.core_metadata_only:
            return core | self.extra_metadata
        chance = random.Random(f"{camera.device_id}/{self.stamp}")
        utc = self.taken_at.astimezone(UTC)
        return {
            **core,
            "device": {
                "uptime_seconds": round(chance.uniform(900, 900_000), 1),
                "description": "SAI-Cam Edge Node",
            },
            "system": {
                "cpu_percent": round(chance.uniform(3, 70), 1),
                "memory_percent": round(chance.uniform(20, 80), 1),
                "disk_percent": round(chance.uniform(10, 90), 1),
                "cpu_temp": round(chance.uniform(38, 71), 1),
            },
            "camera": {"capture_interval": 300, "position": camera.position, "resolution": [1920, 1080]},
            "image": {"brightness_avg": self.brightness, "dimensions": [self.width, self.height]},
            "environment": {"capture_time_utc": utc.strftime("%Y-%m-%dT%H:%M:%S.%f") + "Z", "timezone": "-0300"},
            **self.extra_metadata,
        }

    def metadata_bytes(self) -> bytes:
        return json.dumps(self.metadata(), ensure_ascii=False).encode()


def from_bytes(image: bytes, camera: Camera = LA_FALDA, taken_at: datetime | None = None) -> Frame:
    """A frame around bytes made elsewhere; what is no picture gets the size 0 x 0."""
    try:
        with Image.open(io.BytesIO(image)) as picture:
            width, height = picture.size
    except OSError:
        width, height = 0, 0
    return Frame(camera, taken_at or datetime.now(UTC), image, width, height)
