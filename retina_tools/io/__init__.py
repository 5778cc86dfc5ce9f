"""Files in and out: photographs, masks, clinical tables, folders, and the field of view."""

from retina_tools.io.errors import ReadError
from retina_tools.io.fov import FovShape, describe_fov, find_fov
from retina_tools.io.fundus import read_fundus
from retina_tools.io.names import laterality_from_name, patient_from_name

__all__ = [
    "FovShape",
    "ReadError",
    "describe_fov",
    "find_fov",
    "laterality_from_name",
    "patient_from_name",
    "read_fundus",
]
