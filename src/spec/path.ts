/** Slashes around a path. On the way of every start, where a regular expression costs more to compile than to run. */

/** `etc/hosts` for `/etc/hosts`. */
export function withoutLeadingSlashes(path: string): string {
  let at = 0;
  while (path.charCodeAt(at) === SLASH) at++;
  return at === 0 ? path : path.slice(at);
}

/** `/etc` for `/etc/`; "" for "/". */
export function withoutTrailingSlashes(path: string): string {
  let end = path.length;
  while (path.charCodeAt(end - 1) === SLASH) end--;
  return end === path.length ? path : path.slice(0, end);
}

const SLASH = 47;
