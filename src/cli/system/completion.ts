/** `completion`: the script for a shell. */
import bash from "../../../completions/hoy.bash" with { type: "text" };
import fish from "../../../completions/hoy.fish" with { type: "text" };
import zsh from "../../../completions/hoy.zsh" with { type: "text" };
import { HoyError } from "../../spec/error.ts";
import type { Body } from "../define.ts";
import { writeStream } from "../output/write.ts";

const SCRIPTS: Readonly<Record<string, string>> = { bash, zsh, fish };

/** Asked for as docker, hoy is what docker means, also where no `hoy` is in the PATH for the script to compare it with. */
const FOR_DOCKER: Readonly<Record<string, string>> = {
  bash: "complete -F _hoy docker\n",
  zsh: "compdef _hoy docker\n",
  fish: "__hoy_for_docker\n",
};

const body: Body = ({ args: [shell = ""], program }) => {
  const script = Object.hasOwn(SCRIPTS, shell) ? SCRIPTS[shell] : undefined;
  if (script === undefined)
    throw new HoyError(`no completion for the shell ${shell}`, {
      exitCode: 1,
      hint: `there is one for ${Object.keys(SCRIPTS).join(", ")}`,
    });
  writeStream(1, Buffer.from(program === "docker" ? `${script}${FOR_DOCKER[shell]}` : script));
  return 0;
};

export default body;
