"""The eight simulated cameras: invented posts at real places in the hills of Córdoba, Argentina."""

from dataclasses import dataclass
from typing import Literal

Vegetation = Literal["pasture", "scrub", "pine"]


@dataclass(frozen=True, slots=True)
class Camera:
    """One camera: `location` is what it sends as metadata, `view` what stands in its picture."""

    device_id: str
    camera_id: str
    location: str
    view: str
    position: str
    latitude: float
    longitude: float
    direction_degrees: int
    vegetation: Vegetation
    camera_type: Literal["rtsp", "onvif"] = "rtsp"
    era: Literal["yolo", "ollama"] = "yolo"
    language: Literal["es", "en"] = "es"
    drops_fields: bool = False
    """Its inference service answers without the fields dropped in 2026."""


LA_FALDA = Camera(
    "sai-cam-node-01",
    "cam1",
    "La Falda",
    "LA FALDA - CERRO LA BANDERITA",
    "east",
    latitude=-31.0906,
    longitude=-64.4787,
    direction_degrees=84,
    vegetation="scrub",
)
CAPILLA = Camera(
    "sai-cam-node-02",
    "cam1",
    "Capilla del Monte",
    "CAPILLA DEL MONTE - URITORCO",
    "east",
    latitude=-30.8531,
    longitude=-64.5262,
    direction_degrees=62,
    vegetation="pasture",
    camera_type="onvif",
)
GIARDINO = Camera(
    "sai-cam-node-03",
    "cam1",
    "Villa Giardino",
    "VILLA GIARDINO - CAMINO DE LOS ARTESANOS",
    "south",
    latitude=-31.0537,
    longitude=-64.4952,
    direction_degrees=158,
    vegetation="pine",
)
TANTI = Camera(
    "sai-cam-node-04",
    "cam1",
    "Tanti",
    "TANTI - LOS GIGANTES",
    "west",
    latitude=-31.3548,
    longitude=-64.5917,
    direction_degrees=262,
    vegetation="pasture",
)
ICHO_CRUZ = Camera(
    "sai-cam-node-05",
    "cam1",
    "Icho Cruz",
    "ICHO CRUZ - VALLE DEL SAN ANTONIO",
    "south",
    latitude=-31.4852,
    longitude=-64.5683,
    direction_degrees=203,
    vegetation="scrub",
    camera_type="onvif",
    era="ollama",
)
CUESTA_BLANCA = Camera(
    "sai-cam-node-05",
    "cam2",
    "Cuesta Blanca",
    "CUESTA BLANCA - PLAYA DE LOS HIPPIES",
    "west",
    latitude=-31.4839,
    longitude=-64.5741,
    direction_degrees=248,
    vegetation="scrub",
    drops_fields=True,
)
SALSIPUEDES = Camera(
    "sai-cam-node-06",
    "cam1",
    "Salsipuedes",
    "SALSIPUEDES - EL PUNGO",
    "west",
    latitude=-31.1374,
    longitude=-64.3139,
    direction_degrees=291,
    vegetation="pine",
    drops_fields=True,
)
LA_CALERA = Camera(
    "sai-cam-node-07",
    "cam2",
    "La Calera",
    "LA CALERA - DIQUE MAL PASO",
    "north",
    latitude=-31.3438,
    longitude=-64.3352,
    direction_degrees=331,
    vegetation="scrub",
    era="ollama",
    language="en",
)

CAMERAS: tuple[Camera, ...] = (LA_FALDA, CAPILLA, GIARDINO, TANTI, ICHO_CRUZ, CUESTA_BLANCA, SALSIPUEDES, LA_CALERA)
