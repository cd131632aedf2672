"""Any picture of one handwritten digit, brought to the form of MNIST, or refused with the reason.

The digit is brought to its form as MNIST was made (LeCun, Bottou, Bengio and Haffner 1998, section
III-A). It is cut out, and its longer side is brought to 20 pixels. Its centre of mass is put in the
centre of a field of 28 by 28 pixels. This is row and column 14, counted from 0, to within 0.52
pixel in all 70,000 images of MNIST. Pixels are computed in whole numbers, in Pillow's resampling
too, so that they come out the same on every machine.

A good picture shows one digit, written with a thick pen in one go. The digit is dark on plain white
paper, or light on a plain dark board. The light is even, there is some paper on all sides, and
nothing else is in the picture. Shadows, squared paper, the desk around the paper or a frame are
often seen and taken away. Where they are seen and cannot be taken away, the picture is refused.
"""

from __future__ import annotations

from mnist_lab.pictures._digit import cut_out
from mnist_lab.pictures._form import to_form
from mnist_lab.pictures._reading import FORMATS, Grey, Picture, PictureError, to_grey

__all__ = ["FORMATS", "PictureError", "to_mnist"]

PictureError.__module__ = __name__  # tracebacks name the place that it is imported from


def to_mnist(picture: Picture) -> Grey:
    """Return one handwritten digit in the form of MNIST.

    The picture may have any size and colour. It may be dark on light or light on dark, transparent,
    or turned by a camera. A picture of at most 64 pixels a side is taken for a digit on an even
    ground. In a larger picture, uneven light is evened out, and lines of the paper that run from
    side to side are taken away. What touches the border or is a frame around the digit is left out.
    Specks are dropped.

    Args:
        picture: a path, in which ``~`` is the home folder, or a data URL (base64). Or a picture
            file as bytes or open in binary mode, in one of :data:`FORMATS`; its first frame is
            taken. Or a Pillow image. Or an array of shape (h, w), (h, w, 1), (h, w, 3) RGB or
            (h, w, 4) RGBA, boolean, integer or float. The largest value of an array tells its
            range: 0 to 1, or to the highest level of 8, 10, 12, 14 or 16 bits. Floats may overshoot
            the range by 5 %.

    Returns:
        uint8 of shape (28, 28): paper 0, full ink 255, the edges of strokes between them.

    Raises:
        PictureError: the picture is none, blank, damaged, an array of another form, or has over 50
            million pixels. Or it shows two digits or more. Or a border, a frame, lines, shadows,
            stains or other marks disturb.
    """
    return to_form(cut_out(to_grey(picture)))
