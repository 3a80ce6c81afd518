import { jsonOperation, type Uses } from "../operation.ts";
import { empty } from "../primitives.ts";
import { linkOut } from "./schemas.ts";

export const createSessionLink = jsonOperation({
  operationId: "invoked.SessionService.CreateLink",
  method: "post",
  path: "/auth/v1/session_links",
  summary:
    "Create a link that signs one browser in to the console once; the request needs an access token",
  permission: "self",
  ofClient: true,
  body: empty,
  response: linkOut,
  async handle({ principal }, { sessionLinks }: Uses<"sessionLinks">) {
    return { ...await sessionLinks.create(principal) };
  },
});
