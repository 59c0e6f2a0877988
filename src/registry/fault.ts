/** How an exchange with a registry fails before there is an answer, in words, by fetch's error codes. */
import { HoyError } from "../spec/error.ts";

export type FaultKind = "refused" | "unknown-host" | "not-tls" | "certificate" | "timeout" | "broken" | "redirect";

/** Not yet the user's error: a retry or the next address may still help. */
export class Fault extends Error {
  constructor(
    readonly kind: FaultKind,
    message: string,
    cause?: unknown,
  ) {
    super(message, { cause });
    this.name = "Fault";
  }
}

const CERTIFICATE_WORDS: Readonly<Record<string, string>> = {
  DEPTH_ZERO_SELF_SIGNED_CERT: "its certificate is self-signed",
  SELF_SIGNED_CERT_IN_CHAIN: "its certificate is signed by an unknown authority",
  UNABLE_TO_GET_ISSUER_CERT: "its certificate is signed by an unknown authority",
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: "its certificate is signed by an unknown authority",
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: "its certificate is signed by an unknown authority",
  CERT_HAS_EXPIRED: "its certificate has expired",
  CERT_NOT_YET_VALID: "its certificate is not valid yet",
  ERR_TLS_CERT_ALTNAME_INVALID: "its certificate is for another host name",
};

/** The fault behind an error of fetch or of its body. */
export function faultOf(error: unknown): Fault {
  if (error instanceof Fault) return error;
  const { code, message } = error as { code?: unknown; message: string };
  const name = typeof code === "string" ? code : "";
  if (name === "ECONNREFUSED" || name === "ConnectionRefused") return new Fault("refused", "connection refused", error);
  if (name === "ENOTFOUND" || name === "EAI_AGAIN" || name.startsWith("DNS_")) return new Fault("unknown-host", "no such host", error);
  if (name === "EPROTO") return new Fault("not-tls", "TLS handshake failed", error);
  if (name in CERTIFICATE_WORDS) return new Fault("certificate", CERTIFICATE_WORDS[name] ?? name, error);
  if (/CERT|SIGNATURE|ISSUER/.test(name)) return new Fault("certificate", message, error);
  if (name === "ETIMEDOUT") return new Fault("timeout", "connection timed out", error);
  if (name === "ECONNRESET" || name === "ECONNABORTED" || name === "EPIPE") return new Fault("broken", "connection broken", error);
  return new Fault("broken", message, error);
}

/** The user's error for a fault that nothing has helped against. */
export function faultError(host: string, fault: Fault): HoyError {
  const hints: Partial<Record<FaultKind, string>> = {
    certificate: `put its authority into /etc/hoy/certs.d/${host}/ca.crt, or list ${host} in insecure-registries`,
    "not-tls": `if it speaks plain HTTP, list ${host} in insecure-registries of /etc/hoy/config.json`,
    timeout: "the registry may be down, or a proxy (HTTPS_PROXY) be needed",
  };
  const hint = hints[fault.kind];
  return new HoyError(`cannot reach registry ${host}: ${fault.message}`, { cause: fault, ...(hint && { hint }) });
}
