import type { ErrorCode } from './errors.js'

/** What each code tells a person, in both languages; `docs/errors.md` shows the same sentences. */
export const ERROR_MEANING: Readonly<Record<ErrorCode, { readonly en: string; readonly zh: string }>> = {
  invalid_argument: { en: 'the request is malformed', zh: '请求或参数有误' },
  config_invalid: { en: 'the configuration is refused', zh: '配置未被接受' },
  tenant_invalid: { en: 'the tenant directory is refused', zh: '租户目录未被接受' },
  tests_failed: { en: 'the tests of the tenant directory do not hold', zh: '租户目录的测试未通过' },
  model_refused: {
    en: 'the model is not safe or not good enough to serve',
    zh: '模型不安全或不合格，未启用',
  },
  too_large: { en: 'the input exceeds a size limit', zh: '内容超过大小限制' },
  unsupported: { en: 'this is not supported', zh: '不支持该操作' },
  unauthenticated: { en: 'the caller did not prove who it is', zh: '身份验证未通过' },
  permission_denied: { en: 'the caller may not do this', zh: '没有权限' },
  version_skew: { en: 'the versions of the two sides are too far apart', zh: '两端版本相差过大' },
  not_found: { en: 'there is no such thing', zh: '未找到' },
  already_exists: { en: 'it exists already', zh: '已存在' },
  conflict: { en: 'it was changed by someone else meanwhile', zh: '已被他人修改，请重试' },
  failed_precondition: { en: 'the present state does not allow it', zh: '当前状态不允许该操作' },
  epoch_fenced: {
    en: 'the center has taken over the turns of this journal',
    zh: '中心已接管该日志的会话轮次',
  },
  overloaded: { en: 'too much at once; try again later', zh: '请求过多，请稍后再试' },
  quota_exceeded: {
    en: 'a quota is used up; it says when to come back',
    zh: '配额已用完，错误中注明何时可重试',
  },
  disk_full: { en: 'the disk is full', zh: '磁盘已满' },
  port_taken: { en: 'the port is in use', zh: '端口被占用' },
  unavailable: { en: 'the other side cannot be reached', zh: '无法连接对方' },
  deadline_exceeded: { en: 'no answer in time', zh: '等待超时' },
  cancelled: { en: 'it was cancelled', zh: '已取消' },
  clock_skew: { en: 'the clocks of the two sides disagree', zh: '两端时钟不一致' },
  data_corrupt: { en: 'stored data is damaged', zh: '存储的数据已损坏' },
  key_unknown: { en: 'the key that sealed this data is not here', zh: '找不到加密该数据的密钥' },
  erased: { en: 'the data of this person was erased', zh: '该人员的数据已被删除' },
  storage_failed: { en: 'the disk or the store failed', zh: '磁盘或存储故障' },
  backend_failed: { en: 'the model server failed', zh: '模型服务出错' },
  internal: { en: 'a fault of the program itself', zh: '程序内部错误' },
}
