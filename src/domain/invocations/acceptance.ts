import type { AdmissionRequest, Engine } from "../../engine/contract.ts";
import type { Ownership } from "../ownership/contract.ts";
import { rejectionOf } from "./admission.ts";
import type { Backlog } from "./backlog.ts";

/** Reports whether the server would accept an invocation now, without one. */
export class Acceptance {
  constructor(
    private readonly parts: {
      readonly engine: Engine;
      readonly ownership: Ownership;
      readonly backlog: Backlog;
    },
  ) {}

  /** Why an invocation with an empty input would be rejected; undefined if it would be accepted. */
  async rejection(mode: AdmissionRequest["mode"]): Promise<string | undefined> {
    const { engine, ownership, backlog } = this.parts;
    // No function has this id: only limits of the server count.
    const request: AdmissionRequest = { functionId: "", inputBytes: 0, mode };
    const isLeft = ownership.ownerOf(mode) === null;
    const reason = isLeft ? await backlog.rejection(request) : engine.rejection(request);
    return reason && rejectionOf(request, reason);
  }
}
