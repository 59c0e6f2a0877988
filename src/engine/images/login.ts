/** `login` and `logout`. */
import { readSettings } from "../../state/settings.ts";

export interface LoginRequest {
  /** As the user wrote it; "" is Docker Hub. */
  readonly server: string;
  readonly username: string;
  readonly password: string;
}

/** Checks the account with the registry and keeps it. `plainFile`: the password lies there unencrypted. Throws HoyError. */
export async function login({ server, username, password }: LoginRequest): Promise<{ domain: string; plainFile: string | undefined }> {
  const [registry, settings] = await Promise.all([import("../../registry/login.ts"), readSettings()]);
  const domain = registry.registryDomain(server);
  return { domain, plainFile: await registry.login(domain, { username, password }, settings) };
}

/** The user name that is known for a registry: what `login` proposes. Throws HoyError for an unreadable config.json. */
export async function knownUser(server: string): Promise<string | undefined> {
  const [{ findAccount }, { registryDomain }] = await Promise.all([
    import("../../registry/credentials.ts"),
    import("../../registry/login.ts"),
  ]);
  return (await findAccount(registryDomain(server)))?.username || undefined;
}

/** Forgets the account of a registry. `known` is false when there was none. Throws HoyError. */
export async function logout(server: string): Promise<{ domain: string; known: boolean }> {
  const [{ eraseAccount }, { registryDomain }] = await Promise.all([
    import("../../registry/credentials.ts"),
    import("../../registry/login.ts"),
  ]);
  const domain = registryDomain(server);
  return { domain, known: await eraseAccount(domain) };
}
