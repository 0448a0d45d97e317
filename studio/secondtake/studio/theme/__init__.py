"""How the studio looks: tokens, the stylesheet and the fonts."""
