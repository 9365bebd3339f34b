"""The sentences of an explanation in Russian, by the form that they have in `mpstock.reconcile`."""

from __future__ import annotations

__all__ = ["FORMS"]

FORMS: dict[str, str] = {
    # what there is
    ", as of {moment}": ", на {moment}",
    ", as run {run} sent it": ", как это отправил запуск {run}",
    "what there is": "что есть",
    "what there is, as it was known at {moment}": "что есть, как это было известно на {moment}",
    "unknown": "неизвестно",
    "{warehouse}: {amount}": "{warehouse}: {amount}",
    "{warehouse}: at most {amount}": "{warehouse}: не больше {amount}",
    "{rule} of the group {group}": "{rule} по группе {group}",
    "{source} · {warehouse}: quantity − reserved − held: {amount}{said}": (
        "{source} · {warehouse}: количество − резерв − брони: {amount}{said}"
    ),
    " (a share of {share} counts)": " (считается доля {share})",
    " as of {moment}": " на {moment}",
    ", {length} ago": ", {length} назад",
    "{count} d": "{count} д",
    "{count} h": "{count} ч",
    "{count} min": "{count} мин",
    "{count} s": "{count} с",
    "an upper bound only: {why}": "это лишь верхняя граница: {why}",
    "the source could not be read, or what it said is too old": (
        "источник не удалось прочитать, или сказанное им устарело"
    ),
    "it was not repeated by the source for too long": "источник слишком давно этого не повторял",
    # holds
    "held by {origin} {key}: {quantity} from {where}, {stage} {moment}{until}": (
        "бронь {origin} {key}: {quantity} из {where}, {stage} {moment}{until}"
    ),
    "one of any": "любого склада",
    "one of {warehouses}": "одного из {warehouses}",
    ", until {moment}": ", до {moment}",
    "taken": "взято",
    "assembled": "собрано",
    "shipped or ended": "отгружено или закончено",
    "subtracted from {sources}: not booked there yet": "вычтено из {sources}: там ещё не учтено",
    "booked by {sources}: not subtracted from it": "учтено в {sources}: оттуда не вычтено",
    "… and {rest} more holds, of {units} units": "… и ещё броней: {rest}, всего {units} шт.",
    "… and {rest} more of {kind}": "… и ещё {rest}: {kind}",
    "node: component": "составляющие",
    "node: listing": "позиции",
    "node: pool": "склады",
    "node: reading": "чтения",
    # stages
    "{stage}{of}: {value}, {why}": "{stage}{of}: {value}, {why}",
    " of {sku}": " у {sku}",
    "its warehouse has left the settings": "её склада больше нет в настройках",
    "no source speaks of {sku}": "о {sku} не говорит ни один источник",
    "the sources that have spoken of the warehouses which feed it have left the settings": (
        "источников, которые говорили о питающих её складах, больше нет в настройках"
    ),
    "no source lists it where it could be taken from": (
        "ни один источник не называет её там, откуда её можно взять"
    ),
    "{source} has never said how many in {warehouse}": "{source}: на складе {warehouse} ещё не названо",
    "{source} has {quantity} in {warehouse}": "{source}: {quantity} на складе {warehouse}",
    "in {warehouse} the {rule} of {each}": "на складе {warehouse} {rule} из {each}",
    "{warehouse} is short by {short}": "на складе {warehouse} не хватает {short}",
    "what the warehouses have, summed": "сумма по складам",
    "{source} in {warehouse} has {units} reserved": "{source}: на складе {warehouse} в резерве {units}",
    "{source} in {warehouse} has told less since: {units}": (
        "{source}: на складе {warehouse} с тех пор меньше: {units}"
    ),
    "a source has told less since": "с тех пор источник назвал меньше",
    "of {source} a share of {share} counts": "от {source} считается доля {share}",
    "held": "придержано",
    "held {told}": "придержано {told}",
    "in {warehouse}: {whose}": "на складе {warehouse}: {whose}",
    "nobody knows where: {whose}": "неизвестно где: {whose}",
    "{count} by {origin} ({named}{more})": "{count} для {origin} ({named}{more})",
    " and {rest} more": " и ещё {rest}",
    "{mine} of {whole} are its part": "её доля — {mine} из {whole}",
    "of {mine} the listings before it leave {left}": "из {mine} позиции до неё оставляют {left}",
    "one of it takes {takes}": "на одну идёт: {takes}",
    "{units} of {sku}": "{units} шт. {sku}",
    "nothing is pushed: neither its stock nor what the listing shows is known": (
        "ничего не отправляется: неизвестны ни остаток, ни то, что показывает позиция"
    ),
    "its stock is not known for sure: it may fall, but it is not raised": (
        "остаток точно не известен: число может снизиться, но не повышается"
    ),
    "its neighbours still show what is to be its: it waits until they have fallen": (
        "соседи ещё показывают то, что должно достаться ей: она ждёт, пока они снизятся"
    ),
    "{sink} takes at most {maximum}": "{sink} принимает не больше {maximum}",
    "{key} = {value} ({place})": "{key} = {value} ({place})",
    "default": "по умолчанию",
    "no settings": "без настроек",
    "that is what it should show": "столько она должна показывать",
    "it is sent by the next run": "отправит следующий запуск",
    # listings
    "available: {value} from {feeds}": "доступно: {value} из {feeds}",
    "available at most (not known for sure): {value} from {feeds}": (
        "доступно не больше (точно не известно): {value} из {feeds}"
    ),
    "no warehouse": "ни одного склада",
    "{units} units of it are held in a warehouse that nobody has told": (
        "{units} шт. из этого забронировано на складе, которого никто не назвал"
    ),
    "buffer {policy}: {settings} → advertise {advertised}": (
        "буфер {policy}: {settings} → показать {advertised}"
    ),
    "wanted {value}": "должно быть {value}",
    "shows {value}": "показывает {value}",
    "showed before {value}": "показывала до этого {value}",
    "confirmed {value}": "подтверждено {value}",
    "status {status}": "состояние {status}",
    "held: {why}": "удержано: {why}",
    "sent {value} by run {run}{why}, answered {moment}": (
        "отправлено {value} запуском {run}{why}, ответ получен {moment}"
    ),
    " because of {cause}": ", причина {cause}",
    "confirmed {value} at {moment}": "подтверждено {value}, {moment}",
    "read back {value} at {moment}": "перечитано {value}, {moment}",
    "{sink} has no listing of it: nothing is pushed there": (
        "у {sink} такой позиции нет: туда ничего не отправляется"
    ),
    "what {sink} has sold lately is not known: nothing that it sells is raised": (
        "что {sink} продал недавно, неизвестно: ничего из того, чем он торгует, не повышается"
    ),
    "its warehouse has left the settings: what it shows goes on being promised there": (
        "её склада больше нет в настройках: то, что она показывает, остаётся обещанным там"
    ),
    "{sku} is divided: {mine} of {whole} are for this listing, the rest is for others": (
        "{sku} делится: {mine} из {whole} — этой позиции, остальное — другим"
    ),
    "nothing is sent: {stop}": "ничего не отправляется: {stop}",
    # what people have decided
    "decision: stop": "стоп",
    "decision: zero": "ноль",
    "pin {quantity}": "фиксация {quantity}",
    "pin {quantity} by {place}": "фиксация {quantity}, {place}",
    "{what} by {actor} since {moment}": "{what}, решил(а) {actor}, с {moment}",
}
"""By the English form. What people and marketplaces have written is a value, and stays as they wrote it."""
