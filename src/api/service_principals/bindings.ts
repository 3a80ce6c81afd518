import { z } from "@hono/zod-openapi";
import { jsonOperation, type Operation, type Uses } from "../operation.ts";
import { pageBody } from "../primitives.ts";
import { bindingJson, bindingOut, subjectSchema } from "./schemas.ts";

const SERVICE = "c1.api.service_principal.v1.ServicePrincipalService";
const PATH = "/api/v1/service_principals/bindings";

type Service = Uses<"bindings">;

const bindingIn = z.object({
  servicePrincipalId: z.string().min(1),
  subject: z.object({ functionId: z.string().min(1) }),
});

const addBinding = jsonOperation({
  operationId: `${SERVICE}.AddBinding`,
  route: `POST ${PATH}`,
  summary: "Bind a function to a service principal; an earlier binding of the function is replaced",
  permission: "identity:write",
  concerns: ({ body }) => body.subject.functionId,
  body: bindingIn.openapi(`${SERVICE}AddBindingRequest`),
  async handle({ body: { servicePrincipalId, subject }, principal }, { bindings }: Service) {
    await bindings.add(principal, servicePrincipalId, subject.functionId);
  },
});

const deleteBinding = jsonOperation({
  operationId: `${SERVICE}.DeleteBinding`,
  route: `POST ${PATH}/delete`,
  summary: "Remove the binding of a function to a service principal",
  permission: "identity:write",
  destroys: true,
  concerns: ({ body }) => body.subject.functionId,
  body: bindingIn.openapi(`${SERVICE}DeleteBindingRequest`),
  async handle({ body: { servicePrincipalId, subject }, principal }, { bindings }: Service) {
    await bindings.delete(principal, servicePrincipalId, subject.functionId);
  },
});

const listBindings = jsonOperation({
  operationId: `${SERVICE}.ListBindings`,
  route: `POST ${PATH}/list`,
  summary: "List the bindings of a function, of a service principal, or all; newest function first",
  permission: "identity:read",
  concerns: ({ body }) => body.subject?.functionId,
  body: z.object({
    subject: subjectSchema.optional().openapi({ description: "Absent: of all functions" }),
    servicePrincipalId: z.string().optional().openapi({
      description: "Absent: of all service principals",
    }),
    ...pageBody,
  }).openapi(`${SERVICE}ListBindingsRequest`),
  response: z.object({
    bindings: z.array(bindingOut),
    nextPageToken: z.string().openapi({ description: "Empty on the last page" }),
  }),
  async handle({ body }, { bindings }: Service) {
    const filter = {
      functionId: body.subject?.functionId || undefined,
      principalId: body.servicePrincipalId || undefined,
    };
    const { list, nextPageToken } = await bindings.list(filter, body);
    return { bindings: list.map(bindingJson), nextPageToken };
  },
});

/** Bind functions to service principals. */
export const BINDING_OPERATIONS: readonly Operation[] = [addBinding, deleteBinding, listBindings];
