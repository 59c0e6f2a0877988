/** `logout`. */
import { logout } from "../../engine/images/login.ts";
import type { Body } from "../define.ts";
import { printLine } from "../output/write.ts";

const body: Body = async ({ args: [server = ""] }) => {
  const { domain, known } = await logout(server);
  const shown = domain === "docker.io" ? "https://index.docker.io/v1/" : domain;
  printLine(known ? `Removing login credentials for ${shown}` : `Not logged in to ${shown}`);
  return 0;
};

export default body;
