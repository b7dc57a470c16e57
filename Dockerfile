# living-crm with Airflow. The same locked packages as `make setup` installs.

FROM python:3.11.14-slim-bookworm AS packages

ENV UV_PYTHON_DOWNLOADS=never UV_LINK_MODE=copy UV_COMPILE_BYTECODE=1
RUN pip install --no-cache-dir uv==0.13.9
WORKDIR /opt/living-crm
COPY pyproject.toml uv.lock README.md ./
# The packages first, our code after: a change of the code does not install them anew.
RUN uv sync --frozen --no-dev --no-install-project
COPY . .
RUN uv sync --frozen --no-dev


FROM python:3.11.14-slim-bookworm

RUN useradd --system --uid 50000 --user-group --home-dir /var/lib/living-crm --create-home \
    --shell /usr/sbin/nologin living-crm
COPY --from=packages /opt/living-crm /opt/living-crm
ENV PATH=/opt/living-crm/.venv/bin:$PATH \
    LIVING_CRM_HOME=/var/lib/living-crm \
    PYTHONUNBUFFERED=1
USER living-crm
WORKDIR /opt/living-crm
ENTRYPOINT ["python", "-m", "warehouse.airflow"]
CMD ["version"]
