# The service of lesson 9, without TensorFlow and without the rest of the course:
#
#   docker build --tag mnist-lab .
#   docker run --rm --read-only --publish 127.0.0.1:8000:8000 mnist-lab
FROM python:3.13-slim AS build
WORKDIR /source
COPY pyproject.toml README.md LICENSE ./
COPY mnist_lab mnist_lab
# Of the packages that lessons need, the service uses three. The others would double the image.
RUN python -c "import re, tomllib; \
project = tomllib.load(open('pyproject.toml', 'rb'))['project']; \
base = [name for name in project['dependencies'] if re.match('numpy|pillow|scipy', name)]; \
print(*base, *project['optional-dependencies']['serve'], sep='\n')" > requirements.txt
RUN python -m venv --without-pip /service \
    && pip --python /service/bin/python install --no-cache-dir --no-compile --requirement requirements.txt \
    && pip --python /service/bin/python install --no-cache-dir --no-compile --no-deps . \
    && find /service -type d -name tests -prune -exec rm -r {} +
# This proves that the service can start, and compiles what it imports and nothing else.
WORKDIR /
RUN /service/bin/mnist-lab serve --help \
    && /service/bin/python -c "from mnist_lab.serving import run; run.start().stop()"

FROM python:3.13-slim
COPY --from=build /service /service
RUN useradd --system --no-create-home --shell /usr/sbin/nologin service
USER service
ENV PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1
EXPOSE 8000
HEALTHCHECK --interval=30s --timeout=5s --start-period=10s CMD ["/service/bin/python", "-c", \
    "from urllib.request import urlopen; urlopen('http://127.0.0.1:8000/health', timeout=4)"]
# A signal to stop lets the service finish what has begun.
ENTRYPOINT ["/service/bin/mnist-lab", "serve", "--host", "0.0.0.0"]
