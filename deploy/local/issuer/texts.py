"""The issuer's words for people. It stands apart from the platform, so it has its own."""

from __future__ import annotations

from starlette.requests import Request

WHY = (
    "Enter this secret in an app for one-time codes, or open the link on your phone, then type the code that it shows."
)
WHY_MUST = f"Your role asks for a second factor. {WHY}"
_SPANISH_WHY = (
    "Introduzca este secreto en una aplicación de códigos de un solo uso, o abra el enlace en su teléfono, y escriba el"
    " código que muestra."
)

SPANISH = {
    "Sign in": "Iniciar sesión",
    "Name": "Nombre",
    "Password": "Contraseña",
    "One-time code": "Código de un solo uso",
    "Leave it empty if you have none.": "Déjelo vacío si no tiene.",
    "This name, password and code don't belong together.": "Este nombre, contraseña y código no se corresponden.",
    "Too many tries. Wait {seconds} s, then try again.":
    "Demasiados intentos. Espere {seconds} s e inténtelo otra vez.",
    "This form is too old. Try again.": "Este formulario ha caducado. Inténtelo otra vez.",
    "Set up one-time codes": "Configurar códigos de un solo uso",
    WHY: _SPANISH_WHY,
    WHY_MUST: f"Su función exige un segundo factor. {_SPANISH_WHY}",
    "Secret": "Secreto",
    "Open in an app": "Abrir en una aplicación",
    "Use these codes": "Usar estos códigos",
    "This code isn't right.": "Este código no es correcto.",
    "One-time codes are set up.": "Los códigos de un solo uso están configurados.",
    "You are signed in as {name}.": "Ha iniciado sesión como {name}.",
    "You have a second factor.": "Tiene un segundo factor.",
    "Sign out": "Cerrar sesión",
    "Sign out everywhere?": "¿Cerrar sesión en todas partes?",
    "You are signed out.": "Ha cerrado sesión.",
    "You aren't signed in.": "No ha iniciado sesión.",
    "This can't be done": "Esto no se puede hacer",
    "The service asked for something that can't be given.": "El servicio pidió algo que no se puede dar.",
}  # fmt: skip


def language_of(request: Request) -> str:
    """Spanish for who likes it better than English."""
    for part in request.headers.get("accept-language", "").lower().split(","):
        code = part.strip()[:2]
        if code in ("en", "es"):
            return code
    return "en"


def translate(text: str, language: str) -> str:
    """The text in that language; one that isn't known stays as it is."""
    return SPANISH.get(text, text) if language == "es" else text
