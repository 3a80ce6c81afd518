/** What helps against a handler that hides the global `fetch`, for the warning of a build and the error of a call. */
export const OWN_FETCH_HELP = "call globalThis.fetch, or make the handler a method: " +
  "export default { async fetch(request, env, context) { ... } }";
