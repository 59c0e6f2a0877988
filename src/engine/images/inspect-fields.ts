/** Fields of Docker's image.InspectResponse that its JSON leaves out, or where null is no list (see ../inspect-fields.ts). */
import type { Fields } from "../inspect-fields.ts";

export const IMAGE_FIELDS: Fields = {
  ID: "=Id",
  Created: "string",
  Variant: "string",
  OsVersion: "string",
  Manifests: "slice",
  Descriptor: "pointer",
  Config: {
    User: "string",
    ExposedPorts: "map",
    Env: "slice",
    Entrypoint: "slice",
    Cmd: "slice",
    Volumes: "map",
    WorkingDir: "string",
    Labels: "map",
    StopSignal: "string",
    ArgsEscaped: "boolean",
    Healthcheck: "pointer",
    OnBuild: "slice",
    Shell: "slice",
  },
};
