"""The sign of the studio: a take, and behind it the one before."""

from typing import Final

SIGN: Final = (
    '<svg xmlns="http://www.w3.org/2000/svg" width="24" height="24" viewBox="0 0 24 24">'
    '<rect x="2" y="6" width="15" height="15" rx="4" fill="none" stroke="#7C93FF"'
    ' stroke-width="2"/><rect x="6" y="2" width="16" height="16" rx="4.5" fill="#4F6BE6"/>'
    '<path d="M11.6 6.6v6.8l5.6-3.4z" fill="#fff"/></svg>'
)
"""In colours that stand on a light and on a dark ground."""
