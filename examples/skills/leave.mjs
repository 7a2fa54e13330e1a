// Answers an intent with the slots `from` (date), `days` (number) and `kind` (choice): when somebody who takes so many
// working days off is back. It hands nothing in; where that is done is for its readers to say.
//
//   # intents/hr.yaml
//   leave.request:
//     ask: 我要请假
//     slots:
//       from: {type: date, ask: {zh: 从哪天开始？, en: "From which day?"}}
//       days: {type: number, ask: {zh: 几天？, en: "How many days?"}}
//       kind:
//         type: choice
//         ask: {zh: 哪种假？, en: "Which kind?"}
//         options: {annual: {zh: 年假, en: annual leave}, sick: {zh: 病假, en: sick leave}}
//     reply: {skill: leave}

const DAY_MS = 86_400_000
const MAX_DAYS = 60

const WORDS = {
  zh: {
    kinds: { annual: '年假', sick: '病假' },
    badDays: `天数应为 0.5 到 ${MAX_DAYS}，以半天为单位。`,
    badFrom: '开始日期应为工作日。',
    title: '请假',
    from: '开始',
    last: '最后一天',
    back: '返岗',
    text: (kind, days, last, back) =>
      `${kind} ${days} 天：最后一天 ${last}，${back} 返岗（未计节假日，尚未提交）。`,
  },
  en: {
    kinds: { annual: 'annual leave', sick: 'sick leave' },
    badDays: `The days have to be between 0.5 and ${MAX_DAYS}, in halves.`,
    badFrom: 'The first day has to be a working day.',
    title: 'Leave',
    from: 'From',
    last: 'Last day',
    back: 'Back',
    text: (kind, days, last, back) =>
      `${days} ${days === 1 ? 'day' : 'days'} of ${kind}: the last day is ${last}, back on ${back} (public holidays not counted; nothing is handed in yet).`,
  },
}

export default {
  name: 'leave',

  answer(_question, { language, slots }) {
    const words = language.startsWith('zh') ? WORDS.zh : WORDS.en
    const days = Number(slots.days)
    if (!(days >= 0.5 && days <= MAX_DAYS && Number.isInteger(days * 2))) return words.badDays
    const from = Date.parse(`${slots.from}T00:00:00Z`)
    if (Number.isNaN(from) || isWeekend(from)) return words.badFrom
    const last = workingDayAfter(from, Math.ceil(days) - 1)
    // Half a day off is followed by the other half.
    const back = Number.isInteger(days) ? workingDayAfter(last, 1) : last
    const kind = words.kinds[slots.kind] ?? slots.kind
    return {
      text: words.text(kind, days, day(last), day(back)),
      card: {
        title: `${words.title}: ${kind}`,
        facts: [
          { name: words.from, value: day(from) },
          { name: words.last, value: day(last) },
          { name: words.back, value: day(back) },
        ],
      },
    }
  },
}

function workingDayAfter(start, count) {
  let at = start
  for (let left = count; left > 0; ) {
    at += DAY_MS
    if (!isWeekend(at)) left -= 1
  }
  return at
}

function isWeekend(at) {
  return [0, 6].includes(new Date(at).getUTCDay())
}

function day(at) {
  return new Date(at).toISOString().slice(0, 10)
}
