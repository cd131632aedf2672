from mnist_lab.pictures._digit import cut_out
from mnist_lab.pictures._form import to_form
from mnist_lab.pictures._reading import Grey, Picture, PictureError, to_grey

__all__ = ["PictureError", "to_mnist"]


def to_mnist(picture: Picture) -> Grey:
    return to_form(cut_out(to_grey(picture)))
