"""The files that hang on one item of n8n, as references."""

from collections.abc import Iterator

from saiweb.etl import fields
from saiweb.etl.binary import ImageReference, reference_from_id
from saiweb.etl.fields import Notes
from saiweb.etl.flatted import find, find_object
from saiweb.etl.payload import Item


def binary_parts(item: Item, execution_id: int) -> Iterator[tuple[str, ImageReference]]:
    """Yield name and reference of each file; inline bytes stay where they are in the document."""
    for name in item.binary or ():
        entry = find_object(item.binary, name)
        if entry is None:
            continue
        ignored = Notes()
        file_name = fields.label(find(entry, "fileName"), name="fileName", notes=ignored, max_chars=255)
        mime_type = fields.label(find(entry, "mimeType"), name="mimeType", notes=ignored)
        size_bytes = fields.whole(find(entry, "bytes"), name="bytes", notes=ignored)
        binary_id = find(entry, "id")
        if isinstance(binary_id, str) and binary_id:
            yield (
                name,
                reference_from_id(
                    binary_id, execution_id, file_name=file_name, mime_type=mime_type, size_bytes=size_bytes
                ),
            )
            continue
        data = entry.string_buffer("data")
        if data is not None:
            yield (
                name,
                ImageReference(
                    "inline", execution_id, data, file_name=file_name, mime_type=mime_type, size_bytes=size_bytes
                ),
            )
