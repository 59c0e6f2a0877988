/** The state of a container as the specification shows it, to callers and to hooks (runtime.md, "State"). */
import type { Spec } from "../../spec/runtime.ts";
import type { ContainerRecord, Status } from "./record.ts";

export interface State {
  ociVersion: string;
  id: string;
  status: Status;
  pid: number;
  bundle: string;
  annotations?: Record<string, string>;
}

/** The version of the specification that this runtime follows. */
export const OCI_VERSION = "1.3.0";

export function stateOf(record: Pick<ContainerRecord, "id" | "pid" | "bundle">, spec: Spec, status: Status): State {
  return {
    ociVersion: OCI_VERSION,
    id: record.id,
    status,
    pid: status === "stopped" ? 0 : record.pid,
    bundle: record.bundle,
    ...(spec.annotations && Object.keys(spec.annotations).length > 0 ? { annotations: spec.annotations } : {}),
  };
}
