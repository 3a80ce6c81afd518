/** The HTTP request that an invocation answered. An addition of this server. */
export interface InvocationHttp {
  method: string;
  path: string;
  /** Absent if the client left before. */
  status?: number;
  /** Bytes of its body that the function has read. */
  requestBytes: string;
  responseBytes: string;
  /** First KiB of its body of text, if the trigger has `recordBody`. */
  requestBody?: string;
}
