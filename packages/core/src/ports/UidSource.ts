/** Port: where new uids come from. Reference implementation: `layers/RandomUids`; tests use a fixed sequence. */
import { Context } from "effect"
import type { UidKind } from "../domain/Uid.ts"

/** Where new uids come from. */
export class UidSource extends Context.Service<UidSource, {
  /** A uid that no record has. */
  readonly next: (kind: UidKind) => string
}>()("@sheaf/core/UidSource") {}
