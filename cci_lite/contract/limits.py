"""Size limits of everything that is read, so that no input can exhaust the memory.

They start from the unified document. The transcript that it is made from is larger, because it has
times and alternatives for each word; what people write by hand is much smaller.
"""

from __future__ import annotations

import errno

_KIB = 1024
_MIB = 1024 * _KIB

# A unified document, wherever it lies. Athena reads rows of twice as much: each can be queried.
MAX_DOCUMENT_BYTES = 16 * _MIB
MAX_SUMMARY_RAW_BYTES = 16 * _KIB

# A transcript, and so a document of any kind that people hand over: which of the two it is shows
# only when it is read. The longest of four hours, with alternatives, have half of it.
MAX_TRANSCRIPT_BYTES = 4 * MAX_DOCUMENT_BYTES
# A file of lines when it is unpacked: a file of a few megabytes can have thousands of times that.
MAX_UNPACKED_BYTES = 1024 * _MIB

# The metadata of one call: a sidecar on a laptop or in a bucket, the body of a webhook.
MAX_CALL_METADATA_BYTES = 64 * _KIB
# The metadata of many calls in one file: half a million rows of a spreadsheet.
MAX_METADATA_FILE_BYTES = 64 * _MIB
# A form or settings as people write them; the table on AWS takes items of 400 KB.
MAX_DEFINITION_BYTES = 1 * _MIB
# A form or settings as they are kept, which is a few times longer.
MAX_SETTINGS_BYTES = 4 * MAX_DEFINITION_BYTES

# One file of a table. It holds the rows of one work item, so of 16 MiB of documents, or of a day.
MAX_PART_BYTES = 1024 * _MIB

# A backup when it is unpacked. Catalogues pack to a tenth or so; a file of which little is packed
# may have more in proportion.
MAX_BACKUP_BYTES = 4 * 1024 * _MIB
MAX_BACKUP_RATIO = 100
MIN_BACKUP_BYTES = 16 * _MIB
MAX_BACKUP_FILES = 100_000


def too_large(limit: int) -> OSError:
    """The error for a file above its size limit."""
    return OSError(errno.EOVERFLOW, f"more than {limit:,} bytes")


def is_too_large(problem: OSError) -> bool:
    """Whether a file was not read because of its size limit."""
    return problem.errno == errno.EOVERFLOW
