/** Mappings as they are on record, for unit tests of map.ts. */

import type { Acl } from "../../lib/container/lend/acl.ts";
import { withGrants } from "../../lib/container/lend/acl_plan.ts";
import type { Mapping } from "../../lib/container/lend/loan.ts";

/** The container user's uid on the host. */
export const containerUid = 1001000;

/** The ACL of a file of mode 644. */
export const plain: Acl = { "u:": 6, "g:": 4, "o:": 4 };

/** What a {@linkcode sampleMapping} can be given. */
interface MappingChanges extends Partial<Omit<Mapping, "original" | "granted">> {
  /** The ACL before. */
  original?: Acl;
  /** The mappings that the inode had before. */
  others?: readonly Mapping[];
}

/** The mapping of a file: `/d/file` with the ACL {@linkcode plain} where nothing else is said. */
export function sampleMapping({ original = plain, others = [], ...changes }: MappingChanges = {}): Mapping {
  const values = {
    engine: "lxc",
    server: { remote: "local", project: "default" },
    instance: "box",
    id: "map-1",
    hostPath: "/d/file",
    containerPath: "/home/ubuntu/maps/1-file",
    size: 4,
    writtenMs: 0,
    readOnly: false,
    owner: null,
    uid: containerUid,
    mode: 0o644,
    dev: 1,
    ino: 5,
    bornMs: 50,
    ...changes,
  };
  const granted = withGrants(original, [...others, values]);
  return { ...values, original: original, granted: granted };
}
