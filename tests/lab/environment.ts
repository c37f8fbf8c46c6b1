/** Which of the caller's variables the lab uses, and which its user gets. */

/** Variables of the caller that a program needs to reach the network, or that say how to talk. */
const passedOn = new RegExp(
  [
    "SSL_CERT_(FILE|DIR)|NODE_EXTRA_CA_CERTS|DENO_CERT|DENO_TLS_CA_STORE|(https?|no|all|ftp)_proxy|JSR_URL",
    "npm_config_(registry|@.*|//.*|ca|cafile|strict_ssl|(https?_)?proxy|noproxy)",
    "GUI_CONTAINER_.*|CI|GITHUB_ACTIONS|NO_COLOR|FORCE_COLOR|TERM|COLORTERM|TZ",
  ].map((names) => `^(${names})$`).join("|"),
  "i",
);

/** The caller's variables that are passed on; what else the caller has set stays with the caller. */
export function callerEnvironment(): Record<string, string> {
  return Object.fromEntries(Object.entries(Deno.env.toObject()).filter(([name]) => passedOn.test(name)));
}

/** Those of the caller's variables `names` that are set. */
export function callerVariables(names: readonly string[]): Record<string, string> {
  return Object.fromEntries(names.flatMap((name) => Deno.env.get(name) ? [[name, Deno.env.get(name)!]] : []));
}
