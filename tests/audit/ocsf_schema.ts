/**
 * The parts of OCSF 1.3.0 that events of the audit log may have, as JSON schema: its classes API Activity and Authentication
 * with the base event, and the objects in them. Written from the files of the tag 1.3.0 of ocsf-schema: which attributes
 * exist, which are required, their types, and the constraints `at_least_one`.
 */

type Schema = Readonly<Record<string, unknown>>;

const text = { type: "string", minLength: 1 };
const integer = { type: "integer" };
const texts = { type: "array", items: text };

function object(
  required: readonly string[],
  properties: Schema,
  atLeastOne: readonly string[] = [],
) {
  return {
    type: "object",
    additionalProperties: false,
    required,
    properties,
    ...atLeastOne.length === 0 ? {} : { anyOf: atLeastOne.map((name) => ({ required: [name] })) },
  };
}

const product = object(["vendor_name"], {
  name: text,
  vendor_name: text,
  version: text,
  uid: text,
  feature: { type: "object" },
}, ["name", "uid"]);

const metadata = object(["product", "version"], {
  version: { const: "1.3.0" },
  product,
  uid: text,
  sequence: integer,
  labels: texts,
  log_name: text,
  profiles: texts,
});

const user = object([], {
  uid: text,
  name: text,
  type: text,
  type_id: { enum: [0, 1, 2, 3, 99] },
  credential_uid: text,
  email_addr: text,
}, ["account", "name", "uid"]);

const actor = object([], {
  user,
  app_name: text,
  app_uid: text,
  invoked_by: text,
  session: { type: "object" },
}, ["process", "user", "invoked_by", "session", "app_name", "app_uid"]);

const networkEndpoint = object([], {
  ip: { anyOf: [{ format: "ipv4" }, { format: "ipv6" }], type: "string" },
  port: integer,
  uid: text,
  name: text,
  hostname: text,
  svc_name: text,
  instance_uid: text,
}, ["ip", "uid", "name", "hostname", "svc_name", "instance_uid"]);

const httpRequest = object([], {
  // OCSF 1.3.0 has no PATCH.
  http_method: { enum: ["CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "POST", "PUT", "TRACE"] },
  user_agent: text,
  uid: text,
});

const resource = object([], {
  type: text,
  uid: text,
  name: text,
  namespace: text,
  data: { type: "object" },
  labels: texts,
}, ["name", "uid"]);

const BASE = {
  activity_id: integer,
  activity_name: text,
  category_uid: integer,
  class_uid: integer,
  type_uid: integer,
  time: { type: "integer", minimum: 1_600_000_000_000 },
  count: { type: "integer", minimum: 1 },
  start_time: integer,
  end_time: integer,
  severity_id: { enum: [0, 1, 2, 3, 4, 5, 6, 99] },
  status: text,
  status_id: { enum: [0, 1, 2, 99] },
  status_code: text,
  status_detail: text,
  message: text,
  metadata,
  unmapped: { type: "object" },
};
const REQUIRED = [
  "activity_id",
  "category_uid",
  "class_uid",
  "type_uid",
  "time",
  "severity_id",
  "metadata",
];

/** `type_uid` is 100 times the class and the activity. */
function classOf(
  uid: number,
  category: number,
  activities: readonly number[],
  required: readonly string[],
  properties: Schema,
) {
  return {
    ...object([...REQUIRED, ...required], {
      ...BASE,
      ...properties,
      class_uid: { const: uid },
      category_uid: { const: category },
    }),
    oneOf: activities.map((activity) => ({
      properties: { activity_id: { const: activity }, type_uid: { const: uid * 100 + activity } },
    })),
  };
}

/** An event of the audit log. */
export const OCSF_EVENT: Schema = {
  type: "object",
  required: ["class_uid"],
  if: { properties: { class_uid: { const: 6003 } } },
  then: classOf(6003, 6, [1, 2, 3, 4, 99], ["actor", "api", "src_endpoint"], {
    actor,
    api: object(["operation"], {
      operation: text,
      request: object(["uid"], { uid: text }),
      version: text,
    }),
    src_endpoint: networkEndpoint,
    http_request: httpRequest,
    resources: { type: "array", items: resource, minItems: 1, maxItems: 100 },
  }),
  else: {
    ...classOf(3002, 3, [1, 2, 99], ["user"], {
      user,
      actor,
      src_endpoint: networkEndpoint,
      http_request: httpRequest,
      service: object([], { name: text, uid: text, version: text }, ["name", "uid"]),
      session: object([], { uid: text, issuer: text }),
    }),
    anyOf: [{ required: ["service"] }, { required: ["dst_endpoint"] }],
  },
};
