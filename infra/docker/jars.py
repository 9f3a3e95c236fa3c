"""`python -m infra.docker.jars`: the jars of the poms, installed into an image as natively."""

from infra.native.download import install
from infra.native.install import missing, registry_folder


def main() -> None:
    """Nothing, once all jars are there that our own images need; the registry has its own image.

    Raises: InstallFailed with Maven's last lines.
    """
    for download in missing():
        if download.tool == "mvn" and download.place != registry_folder():
            install(download)
            print(f"installed   {download.place}", flush=True)


if __name__ == "__main__":
    main()
