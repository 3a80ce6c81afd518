/** The resources of the example tenant, with fields and names of C1's API. */

/** A person or a service. */
export interface User {
  readonly id: string;
  readonly displayName: string;
  readonly email: string;
  readonly emails: readonly string[];
  readonly username: string;
  readonly usernames: readonly string[];
  readonly department: string;
  readonly jobTitle: string;
  readonly employmentStatus: string;
  readonly employmentType: string;
  readonly managerIds: readonly string[];
  readonly roleIds: readonly string[];
  readonly status: "ENABLED" | "DISABLED" | "DELETED";
  readonly type: "USER_TYPE_HUMAN" | "USER_TYPE_SERVICE";
  readonly origin: "USER_ORIGIN_DIRECTORY" | "USER_ORIGIN_LOCAL";
  readonly profile: Readonly<Record<string, string>>;
  readonly createdAt: string;
  readonly updatedAt: string;
}

export interface App {
  readonly id: string;
  readonly displayName: string;
  readonly description: string;
  readonly isDirectory: boolean;
  readonly isManuallyManaged: boolean;
  readonly monthlyCostUsd: number;
  readonly grantPolicyId: string;
  readonly revokePolicyId: string;
  readonly createdAt: string;
  readonly updatedAt: string;
}

/** An account of an app. */
export interface AppUser {
  readonly id: string;
  readonly appId: string;
  readonly displayName: string;
  readonly email: string;
  readonly emails: readonly string[];
  readonly username: string;
  readonly usernames: readonly string[];
  /** The owner of the account; empty for an account without one. */
  readonly identityUserId: string;
  readonly appUserType: "APP_USER_TYPE_USER" | "APP_USER_TYPE_SERVICE_ACCOUNT";
  readonly status: {
    readonly status: "STATUS_ENABLED" | "STATUS_DISABLED";
    readonly details: string;
  };
  readonly createdAt: string;
  readonly updatedAt: string;
}

export interface ResourceType {
  readonly id: string;
  readonly appId: string;
  readonly displayName: string;
  readonly traitIds: readonly string[];
  readonly createdAt: string;
  readonly updatedAt: string;
}

export interface Resource {
  readonly id: string;
  readonly appId: string;
  readonly appResourceTypeId: string;
  readonly displayName: string;
  readonly description: string;
  readonly createdAt: string;
  readonly updatedAt: string;
}

export interface Entitlement {
  readonly id: string;
  readonly appId: string;
  readonly appResourceId: string;
  readonly appResourceTypeId: string;
  readonly displayName: string;
  readonly description: string;
  readonly alias: string;
  readonly slug: string;
  readonly purpose:
    | "APP_ENTITLEMENT_PURPOSE_VALUE_ASSIGNMENT"
    | "APP_ENTITLEMENT_PURPOSE_VALUE_PERMISSION";
  readonly grantPolicyId: string;
  readonly revokePolicyId: string;
  readonly isManuallyManaged: boolean;
  readonly createdAt: string;
  readonly updatedAt: string;
}

/** An account has an entitlement. */
export interface Grant {
  readonly appId: string;
  readonly appEntitlementId: string;
  readonly appUserId: string;
  readonly createdAt: string;
  /** The task that made the grant; empty for a grant that a connector found. */
  readonly taskId: string;
}

export interface Connector {
  readonly id: string;
  readonly appId: string;
  readonly catalogId: string;
  readonly displayName: string;
  readonly description: string;
  readonly userIds: readonly string[];
  readonly status: {
    readonly status: "SYNC_STATUS_DONE" | "SYNC_STATUS_ERROR";
    readonly lastError: string;
    readonly startedAt: string;
    readonly completedAt: string;
    readonly updatedAt: string;
  };
  readonly createdAt: string;
  readonly updatedAt: string;
}

/** What a task changes once it is approved. */
export interface TaskTarget {
  readonly appId: string;
  readonly appEntitlementId: string;
  /** Empty if the task is about a person without an account. */
  readonly appUserId: string;
  readonly identityUserId: string;
  readonly outcome: string;
  readonly outcomeTime?: string;
  readonly grantDuration?: string;
}

/** The field that is present says what the task is for. */
export interface TaskType {
  readonly grant?: TaskTarget;
  readonly revoke?: TaskTarget;
}

/** A request for a change of access. */
export interface Task {
  readonly id: string;
  /** 64 bits, so the wire has a string. */
  readonly numericId: string;
  readonly displayName: string;
  readonly description: string;
  readonly type: TaskType;
  readonly state: "TASK_STATE_OPEN" | "TASK_STATE_CLOSED";
  readonly processing: "TASK_PROCESSING_TYPE_WAITING" | "TASK_PROCESSING_TYPE_DONE";
  readonly origin: "TASK_ORIGIN_API" | "TASK_ORIGIN_WEBAPP";
  readonly emergencyAccess: boolean;
  readonly userId: string;
  readonly createdByUserId: string;
  readonly stepApproverIds: readonly string[];
  readonly approverIds: readonly string[];
  readonly actions: readonly string[];
  readonly commentCount: number;
  readonly createdAt: string;
  readonly updatedAt: string;
}

/** Everything that the tenant has, each list in its order. */
export interface World {
  readonly users: readonly User[];
  readonly apps: readonly App[];
  readonly appUsers: readonly AppUser[];
  readonly resourceTypes: readonly ResourceType[];
  readonly resources: readonly Resource[];
  readonly entitlements: readonly Entitlement[];
  readonly connectors: readonly Connector[];
  /** Approved tasks change them. */
  grants: readonly Grant[];
  /** The newest first. */
  tasks: readonly Task[];
}
