"""Files in and out: photographs, masks, clinical tables, folders, and the field of view."""

from retina_tools.io.clinical import clinical_problems, read_clinical
from retina_tools.io.codings import codings
from retina_tools.io.errors import ReadError
from retina_tools.io.folder import add_mask_folder, read_folder
from retina_tools.io.fov import FovShape, describe_fov, find_fov
from retina_tools.io.fundus import read_fundus
from retina_tools.io.masks import add_masks, read_masks, write_masks
from retina_tools.io.names import laterality_from_name, patient_from_name
from retina_tools.io.retsam import RetsamResult, read_retsam

__all__ = [
    "FovShape",
    "ReadError",
    "RetsamResult",
    "add_mask_folder",
    "add_masks",
    "clinical_problems",
    "codings",
    "describe_fov",
    "find_fov",
    "laterality_from_name",
    "patient_from_name",
    "read_clinical",
    "read_folder",
    "read_fundus",
    "read_masks",
    "read_retsam",
    "write_masks",
]
