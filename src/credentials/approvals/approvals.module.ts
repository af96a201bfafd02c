import { Global, Module } from '@nestjs/common';
import { SessionApprovals } from '../../identity/session-approvals.js';
import { KeysModule } from '../../keys/keys.module.js';
import { CredentialsModule } from '../credentials.module.js';
import { AccessRequestsController } from './access-requests.controller.js';
import { ApprovalsController } from './approvals.controller.js';
import { ApproveRequest } from './approve-request.js';
import { AwaitDecision } from './await-decision.js';
import { ExpireApprovals } from './expire-approvals.js';
import { ReadApprovals } from './read-approvals.js';
import { RefuseRequest } from './refuse-request.js';
import { RequestAccess } from './request-access.js';
import { RequestApproval } from './request-approval.js';
import { SealedPreview } from './sealed-preview.js';
import { StoredSessionApprovals } from './stored-session-approvals.js';

/** Global, because sessions wait in this list through an abstraction of their own room. */
@Global()
@Module({
  imports: [KeysModule, CredentialsModule],
  controllers: [AccessRequestsController, ApprovalsController],
  providers: [
    ApproveRequest,
    AwaitDecision,
    ExpireApprovals,
    ReadApprovals,
    RefuseRequest,
    RequestAccess,
    RequestApproval,
    SealedPreview,
    { provide: SessionApprovals, useClass: StoredSessionApprovals },
  ],
  exports: [AwaitDecision, ExpireApprovals, ReadApprovals, RequestAccess, RequestApproval, SessionApprovals],
})
export class ApprovalsModule {}
